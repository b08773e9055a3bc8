// libvips as Swift sees it; its variadic functions need thin static wrappers, which belong here.
#pragma once
#include <vips/vips.h>
