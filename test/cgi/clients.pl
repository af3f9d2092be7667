# libwww-perl, for test/clients.test.ts: posts every file named on the command line in one request, with a
# text field, and prints the reply's status and body.
# Usage: clients.pl read|stream URL FILE...

use strict;
use warnings;
use HTTP::Request::Common qw(POST $DYNAMIC_FILE_UPLOAD);
use LWP::UserAgent;

my ($how, $url, @paths) = @ARGV;
$DYNAMIC_FILE_UPLOAD = $how eq 'stream';
my @fields = (note => "first\r\nsecond \xc3\xa9", map { (file => [$_]) } @paths);
my $reply = LWP::UserAgent->new->request(
    POST($url, Accept => 'application/json', Content_Type => 'form-data', Content => \@fields));
print $reply->code, "\n", $reply->content, "\n";
