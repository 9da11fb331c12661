# What models.ts answers, as a Rack application.

def compute(seconds)
  ends = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) + seconds
  state = 1
  while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) < ends
    200.times { state = (state * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF }
  end
end

def block(seconds)
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  sleep(seconds)
  "#{Process.pid} #{start} #{Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)}\n"
end

run(lambda do |env|
  seconds = env["QUERY_STRING"][/\bms=(\d+)/, 1].to_i / 1000.0
  body = "Hello, world!\n"
  case env["PATH_INFO"]
  when "/block", "/wait" then body = block(seconds)
  when "/cpu" then compute(seconds)
  end
  [200, { "content-type" => "text/plain", "content-length" => body.bytesize.to_s }, [body]]
end)
