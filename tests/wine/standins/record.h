/* What the stand-ins share: each writes down how it was called, as one JSON line in the file that STANDIN_LOG names. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#define WORDS 4096

static char *words[WORDS]; /* the arguments behind the program's name, response files written out, UTF-8 */
static int count;

static char *utf8(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *bytes = malloc(size);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, size, NULL, NULL);
    return bytes;
}

static wchar_t *wide(const char *text)
{
    int size = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *result = malloc(size * sizeof(wchar_t));
    MultiByteToWideChar(CP_UTF8, 0, text, -1, result, size);
    return result;
}

static FILE *open_file(const char *path, const wchar_t *mode) { return _wfopen(wide(path), mode); }

/* The whole file with a NUL behind it; NULL when it cannot be read. */
static char *content_of(const char *path, size_t *size)
{
    FILE *file = open_file(path, L"rb");
    char *bytes;
    long length;
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    length = ftell(file);
    rewind(file);
    bytes = malloc(length + 1);
    length = (long)fread(bytes, 1, length, file);
    bytes[length] = 0;
    fclose(file);
    if (size) *size = length;
    return bytes;
}

/* The words of a response file: separated by white space, quoted ones with spaces inside. */
static void add_words(char *text)
{
    while (*text && count < WORDS - 1) {
        char *start, *end;
        int quoted = 0;
        while (*text && strchr(" \t\r\n", *text)) text++;
        if (!*text) return;
        for (start = end = text; *text && (quoted || !strchr(" \t\r\n", *text)); text++) {
            if (*text == '"') quoted = !quoted;
            else *end++ = *text;
        }
        if (*text) text++;
        *end = 0;
        words[count++] = start;
    }
}

static void read_command_line(void)
{
    int given, index;
    wchar_t **line = CommandLineToArgvW(GetCommandLineW(), &given);
    for (index = 1; index < given && count < WORDS - 1; index++) {
        char *word = utf8(line[index]);
        char *listed = word[0] == '@' ? content_of(word + 1, NULL) : NULL;
        if (listed) add_words(memcmp(listed, "\xff\xfe", 2) ? listed : utf8((wchar_t *)(listed + 2)));
        else words[count++] = word;
    }
}

static char buffer[1 << 20];
static size_t used;

static void put(const char *text)
{
    size_t length = strlen(text);
    if (used + length < sizeof buffer) memcpy(buffer + used, text, length), used += length;
}

static void put_json(const char *text)
{
    char escaped[8];
    put("\"");
    for (; *text; text++) {
        unsigned char sign = (unsigned char)*text;
        if (sign == '"' || sign == '\\') sprintf(escaped, "\\%c", sign);
        else if (sign < 32) sprintf(escaped, "\\u%04x", sign);
        else sprintf(escaped, "%c", sign);
        put(escaped);
    }
    put("\"");
}

/* The variable's value, NULL when it is not set. */
static char *variable(const char *name)
{
    static wchar_t value[1 << 15];
    SetLastError(0);
    if (!GetEnvironmentVariableW(wide(name), value, 1 << 15) && GetLastError()) return NULL;
    return utf8(value);
}

static const char *const RECORDED[] = {
    "CL", "_CL_", "LINK", "NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CUDA_HOME", "CUDA_PATH", "VCToolsVersion",
    "VSCMD_ARG_TGT_ARCH", "DISTUTILS_USE_SDK", NULL};
static const char *const ONLY_WHETHER[] = {"INCLUDE", "LIB", NULL};

/* One line, written by one program at a time: several run at once. */
static void record(const char *program)
{
    static wchar_t folder[1 << 15];
    const char *log = variable("STANDIN_LOG"), *const *name;
    char *path = variable("PATH");
    HANDLE file;
    DWORD written;
    int index;
    if (!log) return;
    put("{\"program\": "), put_json(program), put(", \"argv\": [");
    for (index = 0; index < count; index++) {
        if (index) put(", ");
        put_json(words[index]);
    }
    GetCurrentDirectoryW(1 << 15, folder);
    put("], \"cwd\": "), put_json(utf8(folder)), put(", \"env\": {\"PATH\": ");
    if (path && strchr(path, ';')) *strchr(path, ';') = 0;
    put_json(path ? path : "");
    for (name = RECORDED; *name; name++)
        if (variable(*name)) put(", "), put_json(*name), put(": "), put_json(variable(*name));
    for (name = ONLY_WHETHER; *name; name++)
        if (variable(*name)) put(", "), put_json(*name), put(": \"is set\"");
    put("}}\n");
    for (index = 0; index < 2000; index++) { /* alone with the file: Wine's appending writes of two programs can mix */
        file = CreateFileW(wide(log), FILE_APPEND_DATA, 0, NULL, OPEN_ALWAYS, 0, NULL);
        if (file != INVALID_HANDLE_VALUE || GetLastError() != ERROR_SHARING_VIOLATION) break;
        Sleep(5);
    }
    if (file == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "stand-in: %s cannot be written\n", log);
        exit(99);
    }
    WriteFile(file, buffer, (DWORD)used, &written, NULL);
    CloseHandle(file);
}

/* A file in the folder of this very program. */
static char *beside(const char *name)
{
    static wchar_t own[1 << 15];
    char *path;
    GetModuleFileNameW(NULL, own, 1 << 15);
    *(wcsrchr(own, L'\\') + 1) = 0;
    path = utf8(own);
    path = realloc(path, strlen(path) + strlen(name) + 1);
    return strcat(path, name);
}

/* The first line of a file beside this program; `otherwise` when there is none. */
static char *line_beside(const char *name, const char *otherwise)
{
    char *text = content_of(beside(name), NULL);
    if (!text) return strdup(otherwise);
    text[strcspn(text, "\r\n")] = 0;
    return text;
}

/* What stands behind `prefix`, or NULL; options begin with a slash or a dash, and link.exe's in either case. */
static char *after(char *word, const char *prefix)
{
    size_t length = strlen(prefix);
    if ((word[0] != '/' && word[0] != '-') || _strnicmp(word + 1, prefix, length)) return NULL;
    return word + 1 + length;
}
