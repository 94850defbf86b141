/* Stands in for NVIDIA's compiler: it writes down how it was called and leaves an object file that names the architectures
   it was asked for. Its version is the first line of standin.version beside it ("12.4 12.4.131 75 90", the last two the
   oldest and newest architecture). */
#include "record.h"

static int oldest, newest;

static void fail(const char *text, const char *detail)
{
    fprintf(stderr, text, detail);
    exit(1);
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
        fprintf(file, "%s %d\n", is_sass ? "sass" : "ptx", atoi(++place));
    }
}

int main(void)
{
    const char *source = NULL, *object = NULL;
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
        else if (word[0] != '-' && strlen(word) > 3 && !strcmp(word + strlen(word) - 3, ".cu")) source = word;
    }
    if (!source) fail("nvcc fatal   : No input files specified; use option --help for more information\n", "");
    if (!SearchPathW(NULL, L"cl.exe", NULL, 0, NULL, NULL)) fail("nvcc fatal   : Cannot find compiler 'cl.exe' in PATH\n", "");
    if (!content_of(source, NULL)) fail("c1xx: fatal error C1083: Cannot open source file: '%s': No such file or directory\n", source);
    if (!object || !(file = open_file(object, L"wb"))) fail("nvcc fatal   : Could not open output file '%s'\n", object ? object : "");
    fprintf(file, "stand-in object of nvcc\n");
    for (index = 0; index < count; index++) {
        char *joined = after(words[index], "gencode=");
        if (!joined) joined = after(words[index], "-generate-code=");
        if (!joined && (!strcmp(words[index], "-gencode") || !strcmp(words[index], "--generate-code")) && index + 1 < count)
            joined = words[index + 1];
        if (joined) write_architectures(file, joined);
    }
    fclose(file);
    printf("%s\n", strrchr(source, '\\') ? strrchr(source, '\\') + 1 : source);
    return 0;
}
