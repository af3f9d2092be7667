<?php
// What the manual shows: each file whose error is none, each field; told as JSON.
// A form in which nothing was found is told as an error.
$parts = [];
foreach ($_FILES as $name => $file) {
    if ($file['error'] === UPLOAD_ERR_NO_FILE) continue;
    if ($file['error'] !== UPLOAD_ERR_OK) {
        http_response_code(400);
        exit;
    }
    $parts[] = ['name' => (string)$name, 'filename' => bin2hex($file['name']), 'content' => bin2hex(file_get_contents($file['tmp_name']))];
}
foreach ($_POST as $name => $value) {
    $parts[] = ['name' => (string)$name, 'content' => bin2hex($value)];
}
if ($parts === []) http_response_code(400);
header('Content-Type: application/json');
echo json_encode($parts);
