#pragma once
#include <corecrt.h>
