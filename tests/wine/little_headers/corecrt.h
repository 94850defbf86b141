/* The little of Microsoft's headers that nvcc's own passes ask for; the others beside this one include it. */
#pragma once
typedef unsigned long long size_t;
typedef long long ptrdiff_t;
typedef long long intptr_t;
typedef unsigned long long uintptr_t;
typedef long long time_t;
typedef long clock_t;
typedef char* va_list;
#define _CRTIMP
#define _ACRTIMP
#define __CRTDECL __cdecl
#ifndef NULL
#define NULL 0
#endif
#define va_start(list, last) ((void)__va_start(&list, last))
#define va_end(list) ((void)(list = 0))
