#pragma once
#include <corecrt.h>
struct tm;
struct timespec;
extern "C" {
clock_t __cdecl clock(void);
time_t __cdecl time(time_t*);
double __cdecl difftime(time_t, time_t);
time_t __cdecl mktime(tm*);
char* __cdecl asctime(const tm*);
char* __cdecl ctime(const time_t*);
tm* __cdecl gmtime(const time_t*);
tm* __cdecl localtime(const time_t*);
size_t __cdecl strftime(char*, size_t, const char*, const tm*);
int __cdecl timespec_get(timespec*, int);
}
