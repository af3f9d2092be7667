#!/usr/bin/python3
# What the tutorials show: FieldStorage, then each item, a file if it has a file name; told as JSON.
# A part whose `done` is -1 was cut off; where nothing was found, that is told as an error, too.
import cgi
import json

form = cgi.FieldStorage()
parts = []
for item in form.list or []:
    content = item.file.read() if item.filename else item.value
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    part = {"name": item.name or "", "content": content.hex()}
    if item.filename:
        part["filename"] = item.filename.encode("utf-8", "surrogateescape").hex()
    parts.append(part)
if not parts or any(item.done == -1 for item in form.list):
    print("Status: 400")
print("Content-Type: application/json\n")
print(json.dumps(parts))
