// The rules of uploads in pieces, by POST and by tus, through FastCGI: the tests of test/pieces and
// test/tus, whose requests a process of it answers here.

process.env['UPLOAD_CGI_THROUGH'] = 'fastcgi'

await import('../pieces/pieces.test.ts')
await import('../tus/patch.test.ts')
