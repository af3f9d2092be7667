# Sends each file named on the command line in a request of its own, by libwww-perl, for
# test/cgi/programs.test.ts. What the server answers is not looked at.
# Usage: send.pl URL FILE...

use strict;
use warnings;
use HTTP::Request::Common qw(POST);
use LWP::UserAgent;

my ($url, @paths) = @ARGV;
LWP::UserAgent->new->request(POST($url, Content_Type => 'form-data', Content => [file => [$_]]))
    for @paths;
