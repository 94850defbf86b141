#include <corecrt.h>
extern "C" void __cdecl _wassert(const wchar_t*, const wchar_t*, unsigned);
#undef assert
#define assert(e) ((void)0)
