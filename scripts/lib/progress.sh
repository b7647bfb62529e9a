# Progress of long work: on a terminal one line that changes, elsewhere a line at every quarter of the way.
# Sourced, needs bash.
progress_quarter=0
progress_open=no

progress_show() { # text done total
    local percent=0 quarter
    [ "$3" -le 0 ] || percent=$((100 * $2 / $3))
    [ $percent -le 100 ] || percent=100
    if [ -t 1 ]; then
        printf '\r   %s: %d %%\033[K' "$1" $percent
        progress_open=yes
        return
    fi
    quarter=$((percent / 25))
    [ $quarter -le $progress_quarter ] || printf '   %s: %d %%\n' "$1" $percent
    progress_quarter=$quarter
}

progress_end() {
    [ $progress_open = no ] || printf '\n'
    progress_quarter=0 progress_open=no
}
