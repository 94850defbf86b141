/* What a compiler reads: its source and every file that the #includes lead to, whatever #if stands around them. A name that is
   found nowhere is passed over, as one in an #if that does not hold. Looked for as cl does: for a name in quotes beside the
   file that asks, then beside those that led to it; then in the folders of the command and of INCLUDE. */
#include "record.h"

#define FILES 4096

static char *reads[FILES]; /* absolute, in the order of reading, the source first */
static int read_count;
static const char *searched[WORDS];
static int searched_count;
static uint64_t read_digest = 0xcbf29ce484222325; /* of all that was read and defined: what an object depends on (FNV-1a) */

static void add_to_digest(const char *text)
{
    for (; *text; text++) read_digest = (read_digest ^ (unsigned char)*text) * 0x100000001b3;
    read_digest = (read_digest ^ 0x100) * 0x100000001b3;
}

static void search_in(const char *folder)
{
    if (*folder && searched_count < WORDS) searched[searched_count++] = folder;
}

/* The folders and definitions of the command, and the folders of INCLUDE. */
static void read_options(void)
{
    char *folder, *list = variable("INCLUDE");
    int index;
    for (index = 0; index < count; index++) {
        const char *word = words[index];
        if ((word[0] != '/' && word[0] != '-') || !strchr("IDU", word[1])) continue;
        if (word[1] == 'I') search_in(word[2] ? word + 2 : index + 1 < count ? words[++index] : "");
        else add_to_digest(word);
    }
    for (folder = strtok(list ? list : strdup(""), ";"); folder; folder = strtok(NULL, ";")) search_in(folder);
}

static char *absolute(const char *path)
{
    static wchar_t whole[1 << 15];
    return GetFullPathNameW(wide(path), 1 << 15, whole, NULL) ? utf8(whole) : NULL;
}

/* The absolute path of a name in a folder, or of one beside a file; NULL when there is no such file. */
static char *file_in(const char *folder, size_t length, const char *name)
{
    char *path = malloc(length + strlen(name) + 2), *found;
    DWORD kind;
    sprintf(path, "%.*s/%s", (int)length, folder, name);
    found = absolute(path);
    free(path);
    kind = found ? GetFileAttributesW(wide(found)) : INVALID_FILE_ATTRIBUTES;
    return kind == INVALID_FILE_ATTRIBUTES || kind & FILE_ATTRIBUTE_DIRECTORY ? NULL : found;
}

static const char *askers[256]; /* the files that are open, the source first */
static int depth;

static char *look_for(const char *name, int quoted)
{
    char *found = NULL;
    int index;
    for (index = depth - 1; quoted && index >= 0 && !found; index--)
        found = file_in(askers[index], strrchr(askers[index], '\\') - askers[index], name);
    for (index = 0; index < searched_count && !found; index++) found = file_in(searched[index], strlen(searched[index]), name);
    return found;
}

static void read_all(char *path)
{
    char *text, *line, *place, *end, name[1024];
    int index;
    for (index = 0; index < read_count; index++)
        if (!_stricmp(reads[index], path)) return;
    if (read_count == FILES || depth == 256 || !(text = content_of(path, NULL))) return;
    reads[read_count++] = path;
    add_to_digest(text);
    askers[depth++] = path;
    for (line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n");
        place = line + strspn(line, " \t");
        if (*place++ != '#') continue;
        place += strspn(place, " \t");
        if (strncmp(place, "include", 7)) continue;
        place += 7 + strspn(place + 7, " \t");
        if ((*place != '<' && *place != '"') || !(end = strpbrk(place + 1, ">\"\n")) || *end == '\n') continue;
        sprintf(name, "%.*s", (int)(end - place - 1 < 1000 ? end - place - 1 : 1000), place + 1);
        if ((end = look_for(name, *place == '"'))) read_all(end);
    }
    depth--;
}
