/* What cl.exe does for -E: the text goes to standard output. GCC's preprocessor, a program of this Linux, does it with
   the macros that Microsoft's compiler has; nvcc asks so which compiler it is, and for what its own passes read. */
#include "record.h"
#include <fcntl.h>
#include <io.h>

#define LONGEST (1 << 15)

static wchar_t line[LONGEST];
static size_t filled;

static void add(const wchar_t *text)
{
    size_t length = wcslen(text);
    if (filled + length + 1 < LONGEST) memcpy(line + filled, text, (length + 1) * sizeof(wchar_t)), filled += length;
}

/* One more argument; quoted as CommandLineToArgvW reads it, which is how Wine hands it to a program of Linux. */
static void add_word(const char *option, const char *value)
{
    char whole[LONGEST];
    const char *place;
    wchar_t sign[2] = {0, 0};
    snprintf(whole, sizeof whole, "%s%s", option, value);
    add(L" \"");
    for (place = whole; *place; place++) {
        if (*place == '"' || (*place == '\\' && (place[1] == '"' || !place[1]))) add(L"\\");
        sign[0] = (unsigned char)*place;
        add(sign);
    }
    add(L"\"");
}

static const char *unix_name(const char *path)
{
    char *(*convert)(const wchar_t *) = (void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "wine_get_unix_file_name");
    char *found = convert ? convert(wide(path)) : NULL;
    return found ? found : path;
}

static void add_folders(const char *list)
{
    char *folder, *copy = strdup(list ? list : "");
    for (folder = strtok(copy, ";"); folder; folder = strtok(NULL, ";")) add_word("-isystem", unix_name(folder));
}

/* The text with GCC's `# 1 "/folder/file" 3` as cl writes it, `#line 1 "C:\\folder\\file"`; nvcc reads there what was read. */
static void print_with_lines(char *text)
{
    char *end, *place;
    wchar_t *(*dos_name)(const char *) = (void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "wine_get_dos_file_name");
    for (; text && *text; text = end) {
        end = strchr(text, '\n');
        if (end) *end++ = 0;
        if (text[0] == '#' && text[1] == ' ' && (place = strchr(text, '"'))) {
            char *path = place + 1;
            *strrchr(path, '"') = 0;
            if (*path == '<') continue;
            if (*path == '/' && dos_name) path = utf8(dos_name(path));
            printf("#line %d \"", atoi(text + 2) ? atoi(text + 2) : 1);
            for (; *path; path++) printf(*path == '\\' ? "\\\\" : "%c", *path);
            printf("\"\n");
        } else printf("%s\n", text);
    }
}

/* Wine tells neither the end nor the exit code of a program of Linux: a last file does. */
static int wait_for(const char *file)
{
    char name[MAX_PATH * 4], *text, *code;
    size_t size = 0;
    int tries;
    sprintf(name, "%s.done", file);
    for (tries = 0; !(code = content_of(name, NULL)) && tries < 12000; tries++) Sleep(10);
    remove(name);
    sprintf(name, "%s.e", file);
    if ((text = content_of(name, &size))) fwrite(text, 1, size, stderr);
    remove(name);
    sprintf(name, "%s.i", file);
    _setmode(_fileno(stdout), _O_BINARY);
    if ((text = content_of(name, &size))) print_with_lines(text);
    remove(name);
    remove(file);
    return code && code[0] == '0' ? 0 : 2;
}

static int preprocess(const char *version)
{
    static const char *const macros[] = {
        "_WIN32=1", "_WIN64=1", "_M_AMD64=100", "_M_X64=100", "_MSC_EXTENSIONS=1", "_INTEGRAL_MAX_BITS=64", "_MT=1",
        "_NATIVE_WCHAR_T_DEFINED=1", "_WCHAR_T_DEFINED=1", "_CPPRTTI=1", "_CPPUNWIND=1", "_MSC_BUILD=0",
        "__cpp_variable_templates=201304L", "__cpp_constexpr=201603L", "__cpp_decltype_auto=201304L",
        "__cpp_return_type_deduction=201304L", "__cpp_alias_templates=200704L", "__cpp_variadic_templates=200704L",
        "__cpp_rvalue_references=200610L", "__cpp_aggregate_nsdmi=201304L", "__cpp_inline_variables=201606L",
        "__cpp_if_constexpr=201606L", "__cpp_fold_expressions=201603L", "__cpp_noexcept_function_type=201510L",
        "__cpp_deduction_guides=201907L", "__cpp_structured_bindings=201606L", "__cpp_exceptions=199711L", NULL};
    STARTUPINFOW start = {sizeof start};
    PROCESS_INFORMATION process;
    const char *language = "201402L", *traditional = "_MSVC_TRADITIONAL=1", *source = NULL, *value;
    static wchar_t folder[MAX_PATH], file[MAX_PATH];
    char number[64];
    int index, major = 19, minor = 44, build = 35207;
    sscanf(version, "%d.%d.%d", &major, &minor, &build);
    GetTempPathW(MAX_PATH, folder);
    GetTempFileNameW(folder, L"cpp", 0, file);
    add(L"Z:\\bin\\sh -c \"to=$1; shift; g++ \\\"$@\\\" >$to.i 2>$to.e; echo $? >$to.c; mv $to.c $to.done\" sh");
    add_word("", unix_name(utf8(file)));
    add(L" -E -w -undef -nostdinc -U__has_attribute -U__has_builtin -x c++");
    for (index = 0; macros[index]; index++) add_word("-D", macros[index]);
    for (index = 0; index < count; index++) {
        char *word = words[index];
        if ((value = after(word, "std:"))) language = strcmp(value, "c++20") ? strcmp(value, "c++17") ? "201402L" : "201703L" : "202002L";
        else if ((value = after(word, "Zc:preprocessor"))) traditional = *value ? "_MSVC_TRADITIONAL=1" : "_MSVC_TRADITIONAL=0";
        else if (!strncmp(word + 1, "FI", 2) && (value = after(word, "FI"))) add(L" -include"), add_word("", *value ? value : words[++index]);
        else if ((word[0] == '/' || word[0] == '-') && (word[1] == 'D' || word[1] == 'U')) add_word(word[1] == 'D' ? "-D" : "-U", word[2] ? word + 2 : words[++index]);
        else if ((word[0] == '/' || word[0] == '-') && word[1] == 'I') add_word("-I", unix_name(word[2] ? word + 2 : words[++index]));
        else if (word[0] != '/' && word[0] != '-') source = word;
    }
    sprintf(number, "_MSC_VER=%d%02d", major, minor), add_word("-D", number);
    sprintf(number, "_MSC_FULL_VER=%d%02d%05d", major, minor, build), add_word("-D", number);
    sprintf(number, "_MSVC_LANG=%s", language), add_word("-D", number);
    add_word("-D", traditional);
    add_folders(variable("INCLUDE"));
    if (!source) {
        fprintf(stderr, "cl : Command line error D8003 : missing source filename\n");
        return 2;
    }
    add_word("", unix_name(source));
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process)) {
        fprintf(stderr, "stand-in: the preprocessor cannot be started (%lu)\n", GetLastError());
        return 99;
    }
    return wait_for(utf8(file));
}
