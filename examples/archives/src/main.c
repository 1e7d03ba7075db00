#include <stdio.h>

#include "numbers.h"
#include "shape.h"
#include "zlite.h"

int main(void)
{
    printf("%u divides 12 and 18, which divide %u\n", numbers_gcd(12, 18), numbers_lcm(12, 18));
    printf("%u letters, by zlite %s\n", zlite_packed("hello"), ZLITE_VERSION);
    printf("%.0f around a circle of 2, times %d\n", shape_circle(2), SHAPE_SCALE);
    return 0;
}
