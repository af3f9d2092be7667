# As the documentation of CGI.pm has it.
use strict;
use CGI;
use File::Basename;
use File::Copy;

my $q = CGI->new;
print $q->header;
if ($ENV{REQUEST_METHOD} ne 'POST') {
  print '<form method="post" enctype="multipart/form-data"><input type="file" name="file"><input type="submit"></form>';
} else {
  for my $handle ($q->upload('file')) {
    copy($handle, "$ENV{UPLOAD_CGI_DIRECTORY}/" . basename("$handle")) or die $!;
  }
  print 'stored';
}
