#!/bin/sh
# SPDX-License-Identifier: MIT
# Called by `busybox udhcpc -s` at each change of the lease: sets address, route and name servers.
# $interface, $ip, $subnet, $router, $dns and $domain are its variables.
PATH=/usr/sbin:/usr/bin:/sbin:/bin

case "$1" in
deconfig)
    busybox ip addr flush dev "$interface"
    busybox ip link set "$interface" up
    ;;
bound | renew)
    busybox ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}" ${mtu:+mtu "$mtu"}
    while busybox ip route del default dev "$interface" 2>/dev/null; do :; done
    for gateway in $router; do
        # A gateway outside the prefix (a /32 lease) is reached on the link first.
        busybox ip route add default via "$gateway" dev "$interface" 2>/dev/null || {
            busybox ip route add "$gateway" dev "$interface"
            busybox ip route add default via "$gateway" dev "$interface"
        }
        break
    done
    {
        [ -n "$domain" ] && echo "search $domain"
        for server in $dns; do echo "nameserver $server"; done
    } >/etc/resolv.conf.new
    mv -f /etc/resolv.conf.new /etc/resolv.conf
    ;;
esac
