/*
 * The first process of a virtual machine, alone in its initial file system: loads the modules that /order lists,
 * mounts the host's files, which are offered as "root", in place of it, and becomes the program that its arguments name.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPTIONS "trans=virtio,version=9p2000.L,msize=512000,cache=loose"

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int load(const char *file)
{
	int module = open(file, O_RDONLY | O_CLOEXEC);

	if (module < 0 || syscall(SYS_finit_module, module, "", 0) < 0)
		return fail(file);
	return close(module);
}

int main(int count, char **arguments)
{
	FILE *order = fopen("/order", "r");
	char file[256];

	if (order == NULL || count < 2)
		return fail("/order");
	while (fgets(file, sizeof file, order) != NULL) {
		file[strcspn(file, "\n")] = '\0';
		if (load(file) != 0)
			return 1;
	}
	if (mkdir("/host", 0755) < 0 || mount("root", "/host", "9p", MS_RDONLY, OPTIONS) < 0)
		return fail("the host's files");
	if (mount("dev", "/host/dev", "devtmpfs", 0, NULL) < 0)
		return fail("/dev");
	if (chdir("/host") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return fail("/");
	execv(arguments[1], arguments + 1);
	return fail(arguments[1]);
}
