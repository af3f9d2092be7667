// Sends each file named on the command line in a request of its own, by java.net.http, for
// test/cgi/programs.test.ts. It has no forms, so this is the recipe that people use, with its
// boundary of 77 digits. What the server answers is not looked at.
// Usage: java Send.java URL FILE...

import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

public class Send {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 1; i < args.length; i++) {
            Path path = Path.of(args[i]);
            String boundary = new BigInteger(256, new Random()).toString();
            String head = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\""
                + path.getFileName() + "\"\r\nContent-Type: application/pdf\r\n\r\n";
            List<byte[]> body = List.of(
                head.getBytes(StandardCharsets.UTF_8),
                Files.readAllBytes(path),
                ("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8));
            HttpRequest request = HttpRequest.newBuilder(URI.create(args[0]))
                .header("Content-Type", "multipart/form-data;boundary=" + boundary)
                .POST(HttpRequest.BodyPublishers.ofByteArrays(body))
                .build();
            client.send(request, HttpResponse.BodyHandlers.discarding());
        }
    }
}
