<?php
// As the manual has it. PHP receives the files before this runs.
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
  echo '<form method="post" enctype="multipart/form-data"><input type="file" name="file"><input type="submit"></form>';
} else {
  foreach ($_FILES as $file) {
    move_uploaded_file($file['tmp_name'], $_SERVER['UPLOAD_CGI_DIRECTORY'] . '/' . basename($file['name']));
  }
  echo 'stored';
}
