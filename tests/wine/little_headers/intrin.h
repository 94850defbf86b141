#pragma once
#include <corecrt.h>
extern "C" {
void _ReadWriteBarrier(void);
void __faststorefence(void);
}
