#pragma once
#include <crtdefs.h>
/* mingw's makes a macro of a name that clang's intrin.h declares. */
#ifdef __cplusplus
extern "C" {
#endif
typedef struct _SETJMP_FLOAT128 {
    unsigned long long Part[2];
} _JBTYPE;
typedef _JBTYPE jmp_buf[16];
int __cdecl _setjmp(jmp_buf);
__declspec(noreturn) void __cdecl longjmp(jmp_buf, int);
#define setjmp _setjmp
#ifdef __cplusplus
}
#endif
