# One client library of Python, for test/clients.test.ts: posts every file named on the command line in
# one request, with a text field, and prints the reply's status and body.
# Usage: clients.py LIBRARY URL FILE...

import sys

library, url, *paths = sys.argv[1:]
names = [path.rsplit('/', 1)[1] for path in paths]
accept = {'Accept': 'application/json'}
note = 'first\r\nsecond é'

if library in ('requests', 'httpx'):
    client = __import__(library)
    files = [('file', open(path, 'rb')) for path in paths]
    reply = client.post(url, headers=accept, data={'note': note}, files=files)
    status, text = reply.status_code, reply.text
elif library.startswith('urllib3'):
    import urllib3
    from urllib3.fields import RequestField, format_header_param_rfc2231

    encoding = {'header_formatter': format_header_param_rfc2231} if library == 'urllib3-rfc2231' else {}
    fields = [RequestField('note', note, **encoding)]
    fields[0].make_multipart()
    for path, name in zip(paths, names):
        field = RequestField('file', open(path, 'rb').read(), filename=name, **encoding)
        field.make_multipart(content_type='text/plain')
        fields.append(field)
    reply = urllib3.PoolManager().request('POST', url, headers=accept, fields=fields)
    status, text = reply.status, reply.data.decode()
else:
    import asyncio
    import aiohttp

    async def post():
        form = aiohttp.FormData(quote_fields=library != 'aiohttp-unquoted')
        form.add_field('note', note)
        for path, name in zip(paths, names):
            form.add_field('file', open(path, 'rb'), filename=name)
        async with aiohttp.ClientSession() as session:
            async with session.post(url, headers=accept, data=form) as reply:
                return reply.status, await reply.text()

    status, text = asyncio.run(post())

print(status)
print(text)
