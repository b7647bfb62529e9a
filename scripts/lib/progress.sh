# Progress of long work: on a terminal one line that changes, elsewhere a line at every tenth of the way.
# Sourced, needs bash.
progress_tenth=0
progress_open=no

progress_show() { # text done total
    local percent=0 tenth
    [ "$3" -le 0 ] || percent=$((100 * $2 / $3))
    [ $percent -le 100 ] || percent=100
    if [ -t 1 ]; then
        printf '\r   %s: %d %%\033[K' "$1" $percent
        progress_open=yes
        return
    fi
    tenth=$((percent / 10))
    [ $tenth -le $progress_tenth ] || printf '   %s: %d %%\n' "$1" $percent
    progress_tenth=$tenth
}

progress_end() {
    [ $progress_open = no ] || printf '\n'
    progress_tenth=0 progress_open=no
}
