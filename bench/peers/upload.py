# As the classic tutorials have it, with Python's cgi module (removed in 3.13).
import cgi, os, shutil

form = None
if os.environ["REQUEST_METHOD"] == "POST":
    form = cgi.FieldStorage()
print("Content-Type: text/html\r\n\r\n", end="")
if form is None:
    print('<form method="post" enctype="multipart/form-data"><input type="file" name="file"><input type="submit"></form>')
else:
    for item in form.list:
        if item.filename:
            path = os.path.join(os.environ["UPLOAD_CGI_DIRECTORY"], os.path.basename(item.filename))
            with open(path, "wb") as out:
                shutil.copyfileobj(item.file, out)
    print("stored")
