/* What link.exe's stand-in leaves: a module for any CPython from 3.5 on, whose exported name is written over. Compiled a
   second time with -DCUDA it also has room for what nvcc embeds. */
#include <stddef.h>

struct base { ptrdiff_t references; void *type; void *init; ptrdiff_t index; void *copy; };
struct definition {
    struct base base;
    const char *name, *documentation;
    ptrdiff_t size;
    void *methods, *slots, *traverse, *clear, *free;
};
__declspec(dllimport) void *PyModuleDef_Init(struct definition *definition);

static struct definition definition = {.base = {.references = 1}, .name = "standin", .documentation = "made by a stand-in"};

#ifdef CUDA
__attribute__((section(".nv_fatb"), used)) char room[1 << 16] = {1};
#endif

/* What the CPU optimizers promise: vector code of level avx2. */
__declspec(dllexport) void vector_code(void)
{
    __asm__ volatile(".rept 16\n vfmadd231ps %ymm2, %ymm1, %ymm0\n .endr");
}

__declspec(dllexport) void *
PyInit_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX(void)
{
    return PyModuleDef_Init(&definition);
}
