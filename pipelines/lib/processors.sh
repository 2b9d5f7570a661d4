# processors.sh - how many processors a pipeline may use.
# shellcheck shell=bash

# processors: how many, as programs count for --threads (common/base/threads.c): those of the
# affinity mask, and no more than Linux's control groups leave, as containers and batch systems set them. The
# limits of all groups around this process count. What cannot be read sets no limit.
processors() {
	processors_of /proc/self/cgroup /sys/fs/cgroup
}

# processors_of GROUPS ROOT: the same, with GROUPS for /proc/self/cgroup, and the groups mounted in ROOT
processors_of() {
	local root=$2 line group mount quota period most limit
	most=$(nproc)
	while read -r line; do # ID:CONTROLLERS:PATH
		[[ $line =~ ^[^:]*:([^:]*):(.*)$ ]] || continue
		group=${BASH_REMATCH[2]}
		case ,${BASH_REMATCH[1]}, in
		,,) mount=$root ;;
		*,cpu,*) mount=$root/cpu ;;
		*) continue ;;
		esac
		while :; do
			if [ "$mount" = "$root" ]; then
				read -r quota period <"$mount$group/cpu.max" || quota=
			else
				read -r quota <"$mount$group/cpu.cfs_quota_us" && read -r period <"$mount$group/cpu.cfs_period_us" || quota=
			fi 2>/dev/null
			if [[ $quota =~ ^[0-9]{1,15}$ && $period =~ ^[1-9][0-9]{0,14}$ ]]; then
				limit=$((10#$quota / period))
				[ "$limit" -ge "$most" ] || most=$limit
			fi
			[[ $group == */* ]] || break
			group=${group%/*}
		done
	done 2>/dev/null <"$1" || true
	echo $((most > 1 ? most : 1))
}
