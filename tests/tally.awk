# SPDX-License-Identifier: MIT
# Counts the checks in meson's testlog.txt: prints "PASSED FAILED SKIPPED", and on standard error a
# line for each that failed. A test program is a failure of its own if it made no check, did not keep
# to its plan, or ended badly though no check failed.

function end_program() {
    if (program == "")
        return
    if (ok + bad + skip == 0 || plan != ok + bad + skip || (!clean && bad == 0)) {
        bad++
        print "not ok - " program ": " ok + bad + skip - 1 " checks of " plan ", " result > "/dev/stderr"
    }
    passed += ok
    failed += bad
    skipped += skip
    program = ""
}

/^=+ [0-9]+\/[0-9]+ =+$/ {
    end_program()
    ok = bad = skip = clean = 0
    plan = "none"
    stdout = 0
    next
}
!stdout && /^test: / { program = $2 " " $3 " " $4 }
!stdout && /^result: / {
    result = substr($0, 15)
    clean = $0 ~ /exit status 0$/
}
/^-+ (stdout|stderr) -+$/ {
    stdout = $2 == "stdout"
    next
}
!stdout { next }
/^1\.\.0 # SKIP/ { # the whole program
    plan = 1
    skip++
    next
}
/^1\.\.[0-9]+/ { plan = substr($1, 4) }
/^ok / {
    if (/# SKIP/)
        skip++
    else
        ok++
}
/^not ok / {
    bad++
    sub(/^not ok( [0-9]+)?( -)? */, "")
    print "not ok - " program ": " $0 > "/dev/stderr"
}

END {
    end_program()
    print passed + 0, failed + 0, skipped + 0
    if (passed + failed + skipped == 0)
        exit 1
}
