// What FastCGI costs without a language: sends a page, stores what is between the first blank line
// of a body and its last boundary; of a body over 4 MiB it keeps the last boundary, too. It trusts
// the body, which no real program may do.
#define _GNU_SOURCE
#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char page[1 << 20], body[1 << 22];

int main(void) {
  FILE *file = fopen(PAGE, "r");
  size_t length = file ? fread(page, 1, sizeof page, file) : 0;
  FCGX_Request request;
  FCGX_Init();
  FCGX_InitRequest(&request, 0, 0);
  while (FCGX_Accept_r(&request) == 0) {
    const char *method = FCGX_GetParam("REQUEST_METHOD", request.envp);
    if (!method || strcmp(method, "POST") != 0) {
      FCGX_FPrintF(request.out, "Content-Type: text/html\r\n\r\n");
      FCGX_PutStr(page, length, request.out);
    } else {
      int got = FCGX_GetStr(body, sizeof body, request.in);
      char *from = memmem(body, got, "\r\n\r\n", 4);
      char *to = memrchr(body, '\r', got > 2 ? got - 2 : 0);
      char path[4096];
      snprintf(path, sizeof path, "%s/c.bin", getenv("UPLOAD_CGI_DIRECTORY"));
      FILE *stored = fopen(path, "w");
      if (from && stored && got == sizeof body) {
        for (fwrite(from + 4, 1, body + got - from - 4, stored); got == sizeof body;) {
          got = FCGX_GetStr(body, sizeof body, request.in);
          fwrite(body, 1, got, stored);
        }
      } else if (from && to > from && stored) fwrite(from + 4, 1, to - from - 4, stored);
      if (stored) fclose(stored);
      FCGX_FPrintF(request.out, "Content-Type: text/plain\r\n\r\nstored");
    }
    FCGX_Finish_r(&request);
  }
}
