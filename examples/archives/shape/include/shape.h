#ifndef SHAPE_H
#define SHAPE_H

#include "shape_config.h"

double shape_circle(double radius);

#endif
