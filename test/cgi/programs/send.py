# Sends each file named on the command line in a request of its own, by one library of Python, for
# test/cgi/programs.test.ts. What the server answers is not looked at.
# Usage: send.py LIBRARY URL FILE...

import sys

library, url, *paths = sys.argv[1:]


def requests(path):
    import requests
    requests.post(url, files={'file': open(path, 'rb')})


def httpx(path):
    import httpx
    httpx.post(url, files={'file': open(path, 'rb')})


def aiohttp(path):
    import asyncio
    import aiohttp

    async def post():
        async with aiohttp.ClientSession() as session:
            await session.post(url, data={'file': open(path, 'rb')})

    asyncio.run(post())


def aiohttp_with_name(path):
    """Sends the name in a field as well, as docs/clients.md says."""
    import asyncio
    from urllib.parse import quote
    import aiohttp

    async def post():
        form = aiohttp.FormData()
        form.add_field('_filename', quote(path.rsplit('/', 1)[1]))
        form.add_field('file', open(path, 'rb'))
        async with aiohttp.ClientSession() as session:
            await session.post(url, data=form)

    asyncio.run(post())


def mechanize(path):
    """Opens the page and fills in its form, as a person would."""
    import mechanize
    browser = mechanize.Browser()
    browser.set_handle_robots(False)
    browser.open(url)
    browser.select_form(nr=0)
    name = path.rsplit('/', 1)[1]
    browser.form.add_file(open(path, 'rb'), 'application/pdf', name, name='file')
    try:
        browser.submit()
    except mechanize.HTTPError:
        pass


def webtest(path):
    import urllib.error
    import urllib.request
    from webtest import TestApp
    name = path.rsplit('/', 1)[1]
    upload = [('file', name, open(path, 'rb').read())]
    content_type, body = TestApp(None).encode_multipart([], upload)
    headers = {'Content-Type': content_type}
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, headers))
    except urllib.error.HTTPError:
        pass


def libsoup(path):
    import gi
    gi.require_version('Soup', '3.0')
    from gi.repository import GLib, Soup
    form = Soup.Multipart.new('multipart/form-data')
    name = path.rsplit('/', 1)[1]
    bytes = GLib.Bytes.new(open(path, 'rb').read())
    form.append_form_file('file', name, 'application/pdf', bytes)
    Soup.Session().send_and_read(Soup.Message.new_from_multipart(url, form))


def qt(path):
    """As in the documentation of QHttpMultiPart."""
    from PyQt6.QtCore import QCoreApplication, QFile, QIODevice, QUrl, QVariant
    from PyQt6.QtNetwork import QHttpMultiPart, QHttpPart, QNetworkAccessManager, QNetworkRequest
    application = QCoreApplication.instance() or QCoreApplication([])
    form = QHttpMultiPart(QHttpMultiPart.ContentType.FormDataType)
    part = QHttpPart()
    name = path.rsplit('/', 1)[1]
    header = QNetworkRequest.KnownHeaders.ContentDispositionHeader
    part.setHeader(header, QVariant(f'form-data; name="file"; filename="{name}"'))
    file = QFile(path)
    file.open(QIODevice.OpenModeFlag.ReadOnly)
    part.setBodyDevice(file)
    form.append(part)
    manager = QNetworkAccessManager()
    reply = manager.post(QNetworkRequest(QUrl(url)), form)
    reply.finished.connect(application.quit)
    application.exec()


def tuspy(path):
    from tusclient import client
    name = path.rsplit('/', 1)[1]
    uploads = client.TusClient(url + 'upload.cgi/tus/')
    uploads.uploader(path, metadata={'filename': name}, chunk_size=1_000_000).upload()


for path in paths:
    globals()[library](path)
