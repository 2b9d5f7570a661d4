/* cgroup.h - how much of the processors Linux's control groups leave a process, as containers and
 * batch systems set it (cpu.max of version 2, cpu.cfs_quota_us of version 1).
 */
#ifndef MEMOSCOPE_CGROUP_H
#define MEMOSCOPE_CGROUP_H

/* The least of the limits on the groups that a process is in, those around them included, in
 * processors; INFINITY: none. groups: a file like /proc/self/cgroup. root: where the groups are
 * mounted, /sys/fs/cgroup. What cannot be read sets no limit. */
double cgroup_processors(const char *groups, const char *root);

#endif
