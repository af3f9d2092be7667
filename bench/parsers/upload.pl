#!/usr/bin/perl
# What the manual shows: cgi_error, then each parameter, with upload() for the files; told as JSON.
use strict;
use warnings;
use CGI;

my $form = CGI->new;
if (my $error = $form->cgi_error) {
    print $form->header(-status => $error);
    exit;
}
my @parts;
for my $name ($form->multi_param) {
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
print $form->header('application/json'), '[', join(',', @parts), ']';
