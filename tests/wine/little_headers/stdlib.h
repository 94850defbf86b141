#pragma once
#include <corecrt.h>
extern "C" {
void* __cdecl malloc(size_t);
void __cdecl free(void*);
void __cdecl abort(void);
void __cdecl exit(int);
int __cdecl abs(int);
long __cdecl labs(long);
long long __cdecl llabs(long long);
unsigned short __cdecl _byteswap_ushort(unsigned short);
unsigned long __cdecl _byteswap_ulong(unsigned long);
unsigned __int64 __cdecl _byteswap_uint64(unsigned __int64);
}
