#include "shape.h"

double shape_circle(double radius)
{
    return 3.0 * SHAPE_SCALE * radius;
}
