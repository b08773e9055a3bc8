// The TurboJPEG API as Swift sees it: libjpeg-turbo without libjpeg's jumps out of errors.
#pragma once
#include <turbojpeg.h>
