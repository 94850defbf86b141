/* Stands in for Microsoft's linker: it writes down how it was called and leaves a library that a Python can load. That is
   one of the two templates beside it, with the exported name that was asked for, the first line of every object at its end
   and, when one came from nvcc, the architectures of all of them in an .nv_fatb section of NVIDIA's form. */
#include "record.h"

#define PLACEHOLDER "PyInit_XXXXXXXXXXXXXXXX"

#pragma pack(push, 1)
struct outer { uint32_t magic; uint16_t version, header; uint64_t size; };
struct inner { uint16_t kind, version; uint32_t header; uint64_t size; uint8_t unknown[12]; uint32_t arch; uint8_t rest[32]; };
#pragma pack(pop)

static char *section; /* the .nv_fatb bytes of the template */
static size_t room, filled;
static char *library;
static size_t size;

/* Point `section` at the template's .nv_fatb; returns its header. */
static IMAGE_SECTION_HEADER *find_section(void)
{
    IMAGE_NT_HEADERS64 *headers = (IMAGE_NT_HEADERS64 *)(library + ((IMAGE_DOS_HEADER *)library)->e_lfanew);
    IMAGE_SECTION_HEADER *row = IMAGE_FIRST_SECTION(headers);
    int index;
    for (index = 0; index < headers->FileHeader.NumberOfSections; index++, row++)
        if (!memcmp(row->Name, ".nv_fatb", 8)) {
            section = library + row->PointerToRawData;
            room = row->SizeOfRawData;
            return row;
        }
    return NULL;
}

/* One container for one object: an entry of eight bytes for each architecture it names. */
static void add_container(const char *object)
{
    struct outer *outer = (struct outer *)(section + filled);
    const char *line = object;
    filled += sizeof *outer;
    while ((line = strchr(line, '\n')) && *++line) {
        struct inner *inner = (struct inner *)(section + filled);
        if (filled + sizeof *inner + 8 > room) {
            fprintf(stderr, "stand-in: the template's section is too small\n");
            exit(99);
        }
        memset(inner, 0, sizeof *inner);
        inner->kind = strncmp(line, "ptx", 3) ? 2 : 1;
        inner->version = 0x101;
        inner->header = sizeof *inner;
        inner->size = 8;
        inner->arch = atoi(strchr(line, ' '));
        memcpy(section + filled + sizeof *inner, "standin", 8);
        filled += sizeof *inner + 8;
    }
    outer->magic = 0xBA55ED50;
    outer->version = 1;
    outer->header = sizeof *outer;
    outer->size = section + filled - (char *)(outer + 1);
}

/* Whether a library is in the working folder, one that a /LIBPATH: names, or one of LIB. */
static int is_there(const char *name)
{
    wchar_t *folders = malloc(sizeof(wchar_t) << 15);
    char *lib = variable("LIB"), *folder;
    int index;
    for (index = 0; index < count; index++)
        if ((folder = after(words[index], "LIBPATH:")) && SearchPathW(wide(folder), wide(name), NULL, 1 << 15, folders, NULL)) return 1;
    return SearchPathW(wide(lib ? lib : ""), wide(name), NULL, 1 << 15, folders, NULL) || content_of(name, NULL);
}

static void rename_export(const char *wanted)
{
    size_t place, length = strlen(PLACEHOLDER);
    for (place = 0; place + length < size; place++)
        if (!memcmp(library + place, PLACEHOLDER, length)) {
            size_t free = strlen(library + place);
            if (strlen(wanted) > free) break;
            memset(library + place, 0, free);
            memcpy(library + place, wanted, strlen(wanted));
            return;
        }
    fprintf(stderr, "stand-in: the template has no room for %s\n", wanted);
    exit(99);
}

int main(void)
{
    char *output = NULL, *export = NULL, *import_library = NULL, *objects[WORDS];
    IMAGE_SECTION_HEADER *header;
    int index, found = 0, of_nvcc = 0;
    FILE *file;
    read_command_line();
    if (!count) {
        printf("Microsoft (R) Incremental Linker Version %s.1\n", line_beside("standin.linker", "14.44.35207"));
        printf("Copyright (C) Microsoft Corporation.  All rights reserved.\n\n usage: LINK [options] [files] [@commandfile]\n");
        return 0;
    }
    record("link");
    for (index = 0; index < count; index++) {
        char *word = words[index], *rest;
        size_t length = strlen(word);
        if ((rest = after(word, "OUT:"))) output = rest;
        else if ((rest = after(word, "EXPORT:"))) export = rest;
        else if ((rest = after(word, "IMPLIB:"))) import_library = rest;
        else if (length > 4 && !_stricmp(word + length - 4, ".obj")) {
            objects[found] = content_of(word, NULL);
            if (!objects[found]) {
                printf("LINK : fatal error LNK1181: cannot open input file '%s'\n", word);
                return 1181;
            }
            of_nvcc += !strncmp(objects[found++], "stand-in object of nvcc", 23);
        }
    }
    for (index = 0; index < count; index++) {
        size_t length = strlen(words[index]);
        if (words[index][0] != '/' && length > 4 && !_stricmp(words[index] + length - 4, ".lib") && !is_there(words[index])) {
            printf("LINK : fatal error LNK1181: cannot open input file '%s'\n", words[index]);
            return 1181;
        }
    }
    if (!found || !output) {
        printf("LINK : fatal error LNK1561: entry point must be defined\n");
        return 1561;
    }
    if (!variable("LIB")) {
        printf("LINK : fatal error LNK1104: cannot open file 'MSVCRT.lib'\n");
        return 1104;
    }
    library = content_of(beside(of_nvcc ? "template-cuda.pyd" : "template.pyd"), &size);
    if (!library) return 99;
    if (export) rename_export(export);
    if (of_nvcc && (header = find_section())) {
        for (index = 0; index < found; index++)
            if (!strncmp(objects[index], "stand-in object of nvcc", 23)) add_container(objects[index]);
        header->Misc.VirtualSize = (DWORD)filled;
    }
    if (!(file = open_file(output, L"wb"))) {
        printf("LINK : fatal error LNK1104: cannot open file '%s'\n", output);
        return 1104;
    }
    fwrite(library, 1, size, file);
    for (index = 0; index < found; index++) fprintf(file, "%.*s\n", (int)strcspn(objects[index], "\n"), objects[index]);
    fclose(file);
    if (import_library && (file = open_file(import_library, L"wb"))) {
        fputs("!<arch>\n", file);
        fclose(file);
    }
    return 0;
}
