// The floor: what starting any program costs. Answers every GET with a form; stores nothing.
#include <unistd.h>

int main(void) {
  static const char form[] = "Content-Type: text/html\r\n\r\n<form method=post enctype=multipart/form-data>"
                             "<input type=file name=file><input type=submit></form>";
  return write(1, form, sizeof form - 1) < 0;
}
