# Control calls by whom the certificates do not allow them: refused, and told why. By the command, which looks at its
# own certificate first, and by curl, which sends whatever it is given.

# call FOLDER: curl asks c1 to take back a drain, with operator.pem and operator.key of that folder of /root.
call() {
    shell web "
        certificate=\$([ $1 = none ] || echo --cert $1/operator.pem --key $1/operator.key)
        said=\$(printf '\\0\\0\\0\\0\\0' | curl --silent --show-error --insecure --http2 --max-time 5 \$certificate \
            --header 'content-type: application/grpc' --header 'te: trailers' --data-binary @- \
            --dump-header - --output /dev/null \
            https://c1:7400/accordion.task_processor.v1.TaskProcessor/SetMaintenance 2>&1) || true
        echo \"\$said\"
        grep -q 'grpc-status: 0' <<<\"\$said\""
}

drain_by() { inside web accordion drain c1 --config "/root/$1.toml"; }

wrong_certificates() {
    shell web "
        file=/etc/accordion/cluster.toml
        sed 's/^\[tls\]\$//; s/^name = \"shop\"\$/&\ninsecure = true/' \$file >none.toml
        accordion ca init --config \$file other
        accordion ca issue --config \$file --ca other operator
        mkdir -p front-end own
        cp accordion-ca/ca.pem accordion-ca/operator.* own
        cp accordion-ca/ca.pem front-end
        for part in pem key; do cp accordion-ca/front-end-shop.\$part front-end/operator.\$part; done
        for who in other front-end; do
            sed \"s|^\[tls\]\\\$|&\ndirectory = \\\"/root/\$who\\\"|\" \$file >\$who.toml
        done"
}

check_certificates() {
    check "certificates, wrong ones" "are made" wrong_certificates
    refused "certificates, a drain without" 'refused' drain_by none
    refused "certificates, a drain with another CA's" 'is of another CA than ours' drain_by other
    refused "certificates, a drain with a front end's" 'must be for operator.shop' drain_by front-end
    refused "certificates, a call without" 'curl: (5[56])' call none
    refused "certificates, a call with another CA's" 'curl: (5[56])' call other
    refused "certificates, a call with a front end's" 'grpc-message' call front-end
    check "certificates, a call with the operator's" "is answered" call own
    check "certificates, a drain with the operator's" "c1 is drained, and undrained" \
        inside web sh -c 'accordion drain c1 && accordion undrain c1'
}
