#!/bin/busybox sh
# The first process of a simulated machine. /etc/job says what to load and to run; the console tells the host what
# happened between lines that begin with "fluorite:", and results leave through the other serial port as a tar archive.

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmpfs /tmp

finish() {
    echo "fluorite: end"
    sync
    reboot -f
}

. /etc/job

uname -srm
prepare || { echo "fluorite: preparation failed"; finish; }
cd /root
echo "fluorite: begin"
program
echo "fluorite: exit $?"
cat /proc/interrupts
echo "fluorite: interrupts"
if [ -n "$results" ]; then
    stty -F "$port" raw -echo
    tar -cf "$port" $results || echo "fluorite: results cannot be sent"
fi
finish
