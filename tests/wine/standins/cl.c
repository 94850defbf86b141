/* Stands in for Microsoft's C++ compiler: it writes down how it was called and leaves a small object file, other bytes for
   other sources, headers and definitions, and with /sourceDependencies the list of what it read. What the real one refuses,
   this one refuses in the same words. Its version is the first line of standin.version beside it. */
#include "preprocess.h"
#include "reads.h"

static int ends_with(const char *word, const char *end)
{
    size_t length = strlen(word), tail = strlen(end);
    return length >= tail && !_stricmp(word + length - tail, end);
}

static int is_source(const char *word) { return ends_with(word, ".cpp") || ends_with(word, ".cc") || ends_with(word, ".c"); }

/* As Microsoft's documentation shows it; names of headers are in small letters, as the real one writes them. */
static void list_reads(const char *listing)
{
    FILE *file = open_file(listing, L"wb");
    int index;
    if (!file) {
        fprintf(stderr, "stand-in: %s cannot be written\n", listing);
        exit(99);
    }
    used = 0;
    put("{\n    \"Version\": \"1.2\",\n    \"Data\": {\n        \"Source\": "), put_json(reads[0]);
    put(",\n        \"ProvidedModule\": \"\",\n        \"Includes\": [");
    for (index = 1; index < read_count; index++) {
        wchar_t *small = wide(reads[index]);
        CharLowerW(small);
        put(index > 1 ? ",\n            " : "\n            "), put_json(utf8(small));
    }
    put("\n        ],\n        \"ImportedModules\": [],\n        \"ImportedHeaderUnits\": []\n    }\n}");
    fwrite(buffer, 1, used, file);
    fclose(file);
}

int main(void)
{
    const char *source = NULL, *object = NULL, *listing = NULL, *name;
    FILE *file;
    int index;
    fprintf(stderr, "Microsoft (R) C/C++ Optimizing Compiler Version %s for x64\n", line_beside("standin.version", "19.44.35207"));
    fprintf(stderr, "Copyright (C) Microsoft Corporation.  All rights reserved.\n\n");
    read_command_line();
    if (!count) {
        fprintf(stderr, "usage: cl [ option... ] filename... [ /link linkoption... ]\n");
        return 0;
    }
    record("cl");
    for (index = 0; index < count; index++)
        if (!strcmp(words[index] + 1, "E")) return preprocess(line_beside("standin.version", "19.44.35207"));
    for (index = 0; index < count; index++) {
        char *word = words[index], *rest;
        if ((rest = after(word, "W")) && (word[1] == 'W') && !strncmp(rest, "no-", 3)) {
            fprintf(stderr, "cl : Command line error D8021 : invalid numeric argument '/W%s'\n", rest);
            return 2;
        }
        if ((rest = after(word, "sourceDependencies"))) listing = *rest ? rest : index + 1 < count ? words[++index] : "";
        else if (!strncmp(word + 1, "Fo", 2) && after(word, "Fo")) object = word + 3;
        else if (!strncmp(word + 1, "Tp", 2) || !strncmp(word + 1, "Tc", 2)) source = word + 3;
        else if (word[0] != '/' && word[0] != '-' && is_source(word)) source = word;
    }
    if (!source) {
        fprintf(stderr, "cl : Command line error D8003 : missing source filename\n");
        return 2;
    }
    name = strrchr(source, '\\') ? strrchr(source, '\\') + 1 : strrchr(source, '/') ? strrchr(source, '/') + 1 : source;
    printf("%s\n", name);
    if (!content_of(source, NULL)) {
        printf("c1xx: fatal error C1083: Cannot open source file: '%s': No such file or directory\n", source);
        return 2;
    }
    if (!variable("INCLUDE")) {
        printf("%s(1): fatal error C1034: vector: no include path set\n", source);
        return 2;
    }
    if (!object || !(file = open_file(object, L"wb"))) {
        printf("%s : fatal error C1083: Cannot open compiler generated file: '%s': No such file or directory\n", source, object ? object : "");
        return 2;
    }
    read_options();
    read_all(absolute(source));
    fprintf(file, "stand-in object of cl %016llx\n", (unsigned long long)read_digest);
    fclose(file);
    if (listing) list_reads(listing);
    return 0;
}
