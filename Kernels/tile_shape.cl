// The shape of the tiles that a CPU's linear layers keep in registers: ROWS rows (7 or 6) and PANEL = 16 VECTORS outputs
// (1 to 3 vectors). It goes in front of tile.cl and packed_tile.cl.
#ifndef ROWS
#define ROWS 7
#endif
#ifndef VECTORS
#define VECTORS 3
#endif
#define PANEL (16 * VECTORS)
#if ROWS == 7
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif
#if VECTORS == 3
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1) X(r, 2)
#elif VECTORS == 2
#define FOR_VECTORS(X, r) X(r, 0) X(r, 1)
#else
#define FOR_VECTORS(X, r) X(r, 0)
#endif
