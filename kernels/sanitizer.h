/* sanitizer.h - is the address sanitizer in the program? gcc and clang say it differently. */
#ifndef MEMOSCOPE_SANITIZER_H
#define MEMOSCOPE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif

#endif
