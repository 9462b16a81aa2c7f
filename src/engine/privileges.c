/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root is given up once everything that needs it is open: sockets of capture, listeners, raw
 * sockets. Supplementary groups go first, since a user who is not root cannot drop them; that root
 * cannot come back is tried, not believed.
 */
#include "engine/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* Fine when nothing has to change. See the head of this file for the order. */
int privileges_drop(const char *user, struct error *err)
{
	struct passwd *pw = getpwnam(user);
	if (!pw)
		return error_set(err, -ENOENT, "--user %s: there is no such user", user);
	if (geteuid() == pw->pw_uid && getuid() == pw->pw_uid)
		return 0;
	if (geteuid() != 0)
		return error_set(err, -EPERM, "--user %s: only root can become another user", user);
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return error_set(err, -errno, "--user %s: %s", user, strerror(errno));
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return error_set(err, -EPERM, "--user %s: root could not be given up", user);
	return 0;
}
