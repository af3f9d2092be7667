# The least that loads CGI.pm: it prints the form, and stores nothing.
use strict;
use CGI;

my $q = CGI->new;
print $q->header;
print '<form method="post" enctype="multipart/form-data"><input type="file" name="file"><input type="submit"></form>';
