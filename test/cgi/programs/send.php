<?php
// Sends each file named on the command line in a request of its own, by PHP's curl extension, for
// test/cgi/programs.test.ts. What the server answers is not looked at.
// Usage: send.php URL FILE...

foreach (array_slice($argv, 2) as $path) {
    $curl = curl_init($argv[1]);
    $file = new CURLFile($path, 'application/pdf', basename($path));
    curl_setopt_array($curl, [CURLOPT_POSTFIELDS => ['file' => $file], CURLOPT_RETURNTRANSFER => true]);
    curl_exec($curl);
}
