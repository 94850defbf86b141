/* Stands in for Microsoft's vswhere: it prints the JSON that lies beside it, or the lines of one property. */
#include "record.h"

int main(void)
{
    char *text, *name = "vswhere.json", property[256];
    int index;
    read_command_line();
    for (index = 0; index + 1 < count; index++)
        if (after(words[index], "property")) {
            snprintf(property, sizeof property, "%s.txt", words[index + 1]);
            name = property;
        }
    text = content_of(beside(name), NULL);
    if (text) fputs(text, stdout);
    return 0;
}
