#!/usr/bin/perl
# What the manual shows: cgi_error, then each parameter, with upload() for the files; told as JSON.
# A form in which nothing was found is told as an error.
use strict;
use warnings;
use CGI;

my $form = CGI->new;
if (my $error = $form->cgi_error) {
    print $form->header(-status => $error);
    exit;
}
my @parts;
# POSTDATA is the body of what it does not take for a form.
for my $name (grep { $_ ne 'POSTDATA' } $form->multi_param) {
    my $handle = $form->upload($name);
    my $content = '';
    my $filename = '';
    if (defined $handle) {
        binmode $handle;
        local $/;
        $content = <$handle> // '';
        $filename = sprintf ',"filename":"%s"', unpack 'H*', $form->param($name);
    } else {
        $content = $form->param($name) // '';
    }
    push @parts, sprintf '{"name":"%s"%s,"content":"%s"}', $name, $filename, unpack 'H*', $content;
}
print $form->header(-type => 'application/json', -status => @parts ? 200 : 400), '[', join(',', @parts), ']';
