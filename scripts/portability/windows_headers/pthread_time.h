/* mingw's time.h asks for it; the Windows time.h has nothing of it */
