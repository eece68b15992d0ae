/*
 * The exit statuses of every program (DESIGN 8), and the one table from error codes to them.
 */
#ifndef VZ_CMD_EXIT_H
#define VZ_CMD_EXIT_H

enum vz_exit {
	VZ_EXIT_OK = 0,           /* done and delivered */
	VZ_EXIT_HANDLER_MAX = 63, /* 1 to this: the handler's own status */
	VZ_EXIT_USAGE = 64,       /* wrong use of the command line */
	VZ_EXIT_DATA = 65,        /* data cut short, tampered or cancelled */
	VZ_EXIT_NOINPUT = 66,     /* cannot read input */
	VZ_EXIT_NOHOST = 68,      /* host unknown */
	VZ_EXIT_UNAVAILABLE = 69, /* nobody there, or nothing there that takes this */
	VZ_EXIT_SOFTWARE = 70,    /* a bug */
	VZ_EXIT_OSERR = 71,       /* the system refused */
	VZ_EXIT_CANTCREAT = 73,   /* cannot create output */
	VZ_EXIT_IOERR = 74,       /* local input or output failed */
	VZ_EXIT_TEMPFAIL = 75,    /* try again later */
	VZ_EXIT_PROTOCOL = 76,    /* connected, but no valid answer */
	VZ_EXIT_REFUSED = 77,     /* refused after authentication */
	VZ_EXIT_CONFIG = 78,      /* configuration or key file */
	VZ_EXIT_HANDLER = 79,     /* the handler could not start, was killed, or exited above 63 */
	VZ_EXIT_STORED = 80,      /* stored, not delivered */
};

/* The status for a VZ_E... met with our own files and settings. 0 for 0; unknown codes are a bug.
 */
int vz_exit_of(int err);
/* The status for the same code when a peer caused it: what is a broken key file there is no valid
 * answer here. */
int vz_exit_of_peer(int err);

#endif
