#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdint.h>

uint32_t numbers_gcd(uint32_t one, uint32_t another);
uint32_t numbers_lcm(uint32_t one, uint32_t another);

#endif
