#pragma once
#include <corecrt.h>
#define offsetof(type, member) __builtin_offsetof(type, member)
