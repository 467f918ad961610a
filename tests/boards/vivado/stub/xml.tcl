# XML and IP-XACT, as much as is needed to read a component.xml: elements, attributes, text.

namespace eval stub::xml {}

# An element as {tag attributes text children}; prefixes of namespaces stay in the names.
proc stub::xml::parse {text} {
    regsub -all {<\?.*?\?>|<!--.*?-->} $text "" text
    set stack [list {"" {} "" {}}]
    set position 0
    foreach range [regexp -all -inline -indices {<[^>]*>} $text] {
        lassign $range first last
        set between [string range $text $position [expr {$first - 1}]]
        set tag [string range $text [expr {$first + 1}] [expr {$last - 1}]]
        set position [expr {$last + 1}]
        lset stack end 2 [lindex $stack end 2][unescape [string trim $between]]
        if {[string index $tag 0] eq "/"} {
            set element [lindex $stack end]
            if {[string range $tag 1 end] ne [lindex $element 0]} {
                stub::refuse "component.xml: </[lindex $element 0]> expected, not <$tag>"
            }
            set stack [lrange $stack 0 end-1]
            lset stack end 3 [linsert [lindex $stack end 3] end $element]
            continue
        }
        regexp {^[^\s/]+} $tag name
        set attributes {}
        foreach {- key value} [regexp -all -inline {([\w:]+)="([^"]*)"} $tag] {
            dict set attributes $key [unescape $value]
        }
        set element [list $name $attributes "" {}]
        if {[string index $tag end] eq "/"} {
            lset stack end 3 [linsert [lindex $stack end 3] end $element]
        } else {
            lappend stack $element
        }
    }
    if {[llength $stack] != 1} {
        stub::refuse "component.xml: <[lindex $stack end 0]> is not closed"
    }
    return [lindex $stack 0 3 0]
}

proc stub::xml::unescape {text} {
    return [string map {&lt; < &gt; > &quot; \" &apos; ' &amp; &} $text]
}

# All elements at a path of tags below one.
proc stub::xml::all {element args} {
    set found [list $element]
    foreach tag $args {
        set next {}
        foreach parent $found {
            foreach child [lindex $parent 3] {
                if {[lindex $child 0] eq "spirit:$tag"} {
                    lappend next $child
                }
            }
        }
        set found $next
    }
    return $found
}

# The text at a path, which must be there once.
proc stub::xml::text {element args} {
    set found [all $element {*}$args]
    if {[llength $found] != 1} {
        stub::refuse "component.xml: [lindex $element 0] has [llength $found] of [join $args /], not 1"
    }
    return [lindex $found 0 2]
}

proc stub::xml::attribute {element name} {
    if {![dict exists [lindex $element 1] spirit:$name]} {
        stub::refuse "component.xml: [lindex $element 0] has no attribute $name"
    }
    return [dict get [lindex $element 1] spirit:$name]
}

# name-value pairs of <parameters>.
proc stub::xml::parameters {element} {
    set found {}
    foreach parameter [all $element parameters parameter] {
        dict set found [text $parameter name] [text $parameter value]
    }
    return $found
}
