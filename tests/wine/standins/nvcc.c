/* Stands in for NVIDIA's compiler: it writes down how it was called and leaves an object file that names the architectures
   it was asked for and, as the real one, its own process; with -MD the list of what it read. Its version is the first line of standin.version beside it ("12.4 12.4.131 75 90", the last two the
   oldest and newest architecture). */
#include "reads.h"

static int oldest, newest;

static const char *const WITH_VALUE[] = {"-o", "-Xcompiler", "-Xcudafe", "-gencode", "--generate-code", "--threads", "-ccbin",
    "-MF", NULL};
static const char *const ALONE[] = {
    "-c", "-w", "-lineinfo", "-V", "--version", "--use-local-env", "--use_fast_math", "-allow-unsupported-compiler",
    "--expt-relaxed-constexpr", "--expt-extended-lambda", "-O0", "-O1", "-O2", "-O3", "-MD", NULL};
static const char *const BEGINNINGS[] = {
    "-I", "-D", "-U", "-L", "-l", "-Xcompiler=", "-Xcudafe=", "-gencode=", "--generate-code=", "--threads=", "-ccbin=", NULL};
static const char *const STANDARDS[] = {"c++03", "c++11", "c++14", "c++17", "c++20", NULL};

static int is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list)) return 1;
    return 0;
}

static int begins_as_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strncmp(word, *list, strlen(*list))) return 1;
    return 0;
}

static void fail(const char *text, const char *detail)
{
    fprintf(stderr, text, detail);
    exit(1);
}

/* Ends as the real one does at a word that it does not know, or that lacks its value. */
static void check_options(void)
{
    int index;
    for (index = 0; index < count; index++) {
        const char *word = words[index];
        if (word[0] != '-') continue;
        if (is_one_of(word, WITH_VALUE)) {
            if (++index >= count) fail("nvcc fatal   : argument expected after '%s'\n", word);
        } else if (!strncmp(word, "-std=", 5)) {
            if (!is_one_of(word + 5, STANDARDS)) fail("nvcc fatal   : Value '%s' is not defined for option 'std'\n", word + 5);
        } else if (!is_one_of(word, ALONE) && !begins_as_one_of(word, BEGINNINGS))
            fail("nvcc fatal   : Unknown option '%s'\n", word);
    }
}

/* Lines "sass 80" or "ptx 90" for one -gencode: arch=compute_80,code=sm_80 or code=[sm_80,compute_80]. */
static void write_architectures(FILE *file, const char *wanted)
{
    const char *code = strstr(wanted, "code="), *place = code;
    const char *virtual_one = strstr(wanted, "arch=compute_");
    char named[32];
    if (!code || !virtual_one) fail("nvcc fatal   : Option '--generate-code %s', missing code\n", wanted);
    if (atoi(virtual_one + 13) < oldest || atoi(virtual_one + 13) > newest) {
        sprintf(named, "compute_%.10s", virtual_one + 13);
        named[strcspn(named, ",")] = 0;
        fail("nvcc fatal   : Unsupported gpu architecture '%s'\n", named);
    }
    while ((place = strchr(place, '_'))) {
        int is_sass = place - code >= 2 && !strncmp(place - 2, "sm", 2);
        if (is_sass && atoi(place + 1) < atoi(virtual_one + 13)) {
            sprintf(named, "%d', code='sm_%d", atoi(virtual_one + 13), atoi(place + 1));
            fail("nvcc fatal   : Incompatible code generation requested: arch='compute_%s'\n", named);
        }
        fprintf(file, "%s %d\n", is_sass ? "sass" : "ptx", atoi(++place));
    }
}

/* One name of the list: slashes, and spaces that are told from those between names. */
static void write_name(FILE *file, const char *name)
{
    for (; *name; name++) {
        if (*name == ' ') fputc('\\', file);
        fputc(*name == '\\' ? '/' : *name, file);
    }
}

/* As nvcc.exe 13.0 was seen to write it: the source as it was named, every other file absolute. */
static void list_reads(const char *listing, const char *object, const char *source)
{
    FILE *file = open_file(listing, L"wb");
    int index;
    if (!file) fail("stand-in: %s cannot be written\n", listing);
    write_name(file, object), fputs(" : ", file), write_name(file, source);
    for (index = 1; index < read_count; index++) fputs(" \\\r\n    ", file), write_name(file, reads[index]);
    fputs("\r\n", file);
    fclose(file);
}

int main(void)
{
    const char *source = NULL, *object = NULL, *listing = NULL;
    int listed = 0;
    char version[16] = "12.4", build[32] = "12.4.131";
    FILE *file;
    int index;
    oldest = 50, newest = 90;
    sscanf(line_beside("standin.version", ""), "%15s %31s %d %d", version, build, &oldest, &newest);
    read_command_line();
    for (index = 0; index < count; index++) {
        if (strcmp(words[index], "--version") && strcmp(words[index], "-V")) continue;
        printf("nvcc: NVIDIA (R) Cuda compiler driver\nCopyright (c) 2005-2024 NVIDIA Corporation\n");
        printf("Built on Thu_Mar_28_02:30:10_Pacific_Daylight_Time_2024\n");
        printf("Cuda compilation tools, release %s, V%s\nBuild cuda_%s.r%s/compiler.34097967_0\n", version, build, version, version);
        return 0;
    }
    record("nvcc");
    for (index = 0; index < count; index++) {
        const char *word = words[index];
        if (!strcmp(word, "-o") && index + 1 < count) object = words[++index];
        else if (!strcmp(word, "-MF") && index + 1 < count) listing = words[++index];
        else if (!strcmp(word, "-MD")) listed = 1;
        else if (word[0] != '-' && strlen(word) > 3 && !strcmp(word + strlen(word) - 3, ".cu")) source = word;
    }
    check_options();
    if (!source) fail("nvcc fatal   : No input files specified; use option --help for more information\n", "");
    if (!SearchPathW(NULL, L"cl.exe", NULL, 0, NULL, NULL)) fail("nvcc fatal   : Cannot find compiler 'cl.exe' in PATH\n", "");
    if (!content_of(source, NULL)) { /* it is cl that fails here, and below */
        printf("c1xx: fatal error C1083: Cannot open source file: '%s': No such file or directory\n", source);
        return 2;
    }
    if (!object || !(file = open_file(object, L"wb"))) {
        printf("fatal error C1083: Cannot open compiler generated file: '%s': No such file or directory\n", object ? object : "");
        return 2;
    }
    read_options();
    search_in(beside("..\\include"));
    read_all(absolute(source));
    fprintf(file, "stand-in object of nvcc %016llx tmpxft_%08lx_00000000\n", (unsigned long long)read_digest, GetCurrentProcessId());
    for (index = 0; index < count; index++) {
        char *joined = after(words[index], "gencode=");
        if (!joined) joined = after(words[index], "-generate-code=");
        if (!joined && (!strcmp(words[index], "-gencode") || !strcmp(words[index], "--generate-code")) && index + 1 < count)
            joined = words[index + 1];
        if (joined) write_architectures(file, joined);
    }
    fclose(file);
    if (listed && listing) list_reads(listing, object, source);
    printf("%s\n", strrchr(source, '\\') ? strrchr(source, '\\') + 1 : source);
    return 0;
}
