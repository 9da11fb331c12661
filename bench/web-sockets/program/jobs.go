package main

import (
	"fmt"
	"strconv"
	"time"
)

const (
	second = int64(time.Second)
	// A room of thousands takes tens of milliseconds.
	roomRest = time.Millisecond
)

// connectingJob opens connections, a number of them at once.
type connectingJob struct {
	crowd                    *crowd
	asked                    options
	startedAt, lastAt        int64
	started, opened, refused int
	failures                 map[string]int
}

func newConnecting(crowd *crowd, asked options, now int64) *connectingJob {
	job := &connectingJob{crowd: crowd, asked: asked, startedAt: now, lastAt: now, failures: map[string]int{}}
	crowd.onOpen = func(*client) {
		job.opened++
		job.lastAt = time.Now().UnixNano()
	}
	crowd.onFailed = func(why string) {
		job.refused++
		job.failures[why]++
	}
	return job
}

func (job *connectingJob) step(now int64) (int64, bool) {
	for job.started < job.asked.Clients && job.started-job.opened-job.refused < job.asked.AtOnce {
		job.started++
		job.crowd.dial()
	}
	deadline := job.startedAt + job.asked.TimeoutMs*1_000_000
	return deadline, job.opened+job.refused == job.asked.Clients || now >= deadline
}

func (job *connectingJob) result() any {
	seconds := float64(job.lastAt-job.startedAt) / float64(second)
	return map[string]any{
		"opened": job.opened, "failed": job.asked.Clients - job.opened, "failures": job.failures, "seconds": seconds,
	}
}

// echoingJob has each client send one message.
type echoingJob struct {
	crowd               *crowd
	asked               options
	clients             []*client
	startedAt           int64
	sent, waiting, lost int
	answers             *tally
}

func newEchoing(crowd *crowd, asked options, now int64) *echoingJob {
	clients := append([]*client(nil), crowd.open...)
	job := &echoingJob{crowd: crowd, asked: asked, clients: clients, startedAt: now, answers: newTally()}
	crowd.onEcho = func(client *client, now int64) {
		job.answers.add(now, now-client.askedAt)
		client.askedAt = 0
		job.waiting--
	}
	crowd.onClosed = func(client *client) {
		if client.askedAt != 0 {
			job.waiting--
			job.lost++
		}
	}
	return job
}

func (job *echoingJob) step(now int64) (int64, bool) {
	for job.sent < len(job.clients) && job.dueAt(job.sent) <= now {
		client := job.clients[job.sent]
		if client.state == open && job.crowd.clients[client.fd] == client {
			client.askedAt = job.dueAt(job.sent)
			job.waiting++
			job.crowd.send(client, opText, []byte("echo "+strconv.Itoa(job.sent)))
		} else {
			job.lost++
		}
		job.sent++
	}
	if job.sent < len(job.clients) {
		return job.dueAt(job.sent), false
	}
	deadline := job.dueAt(job.sent) + job.asked.TimeoutMs*1_000_000
	return deadline, job.waiting == 0 || now >= deadline
}

func (job *echoingJob) dueAt(index int) int64 {
	return job.startedAt + int64(job.asked.Seconds*float64(second)*float64(index)/float64(len(job.clients)))
}

func (job *echoingJob) result() any {
	for _, client := range job.clients {
		client.askedAt = 0
	}
	summary := job.answers.summary()
	summary["lost"] = job.lost + job.waiting
	return summary
}

// publishingJob has the first client send messages to the room: when they are due, or so that `window` are always under way.
type publishingJob struct {
	crowd              *crowd
	asked              options
	startedAt, untilAt int64
	sent               int64
	// How often each message has come, and how many of them have come to all.
	counts    []int
	completed int64
}

func newPublishing(crowd *crowd, asked options, now int64) *publishingJob {
	untilAt := now + int64(asked.Seconds*float64(second))
	job := &publishingJob{crowd: crowd, asked: asked, startedAt: now, untilAt: untilAt}
	crowd.room.reset()
	crowd.room.untilAt = untilAt
	crowd.rest = roomRest
	crowd.onRoom = func(sequence int64) {
		// Messages of an earlier job can still come: the numbers of each begin with the time when it did.
		index := sequence - job.startedAt
		if index < 0 || index >= job.sent {
			return
		}
		job.counts[index]++
		if job.counts[index] == len(crowd.open) {
			job.completed++
		}
	}
	return job
}

func (job *publishingJob) step(now int64) (int64, bool) {
	deadline := job.untilAt + job.asked.TimeoutMs*1_000_000
	if len(job.crowd.open) == 0 {
		return now, true
	}
	if job.asked.Window > 0 {
		for now < job.untilAt && job.sent-job.completed < int64(job.asked.Window) {
			job.publish(now)
		}
		if now < job.untilAt {
			return job.untilAt, false
		}
	} else {
		for dueAt := job.dueAt(); dueAt < job.untilAt; dueAt = job.dueAt() {
			if dueAt > now {
				return dueAt, false
			}
			job.publish(dueAt)
		}
	}
	return deadline, job.completed == job.sent || now >= deadline
}

func (job *publishingJob) dueAt() int64 {
	return job.startedAt + int64(float64(job.sent)*float64(second)/job.asked.PerSecond)
}

func (job *publishingJob) publish(dueAt int64) {
	message := roomMessage(job.startedAt+job.sent, dueAt)
	job.sent++
	job.counts = append(job.counts, 0)
	job.crowd.send(job.crowd.open[0], opText, message)
}

func (job *publishingJob) result() any {
	job.crowd.rest = 0
	summary := job.crowd.room.summary()
	summary["sent"] = job.sent
	summary["clients"] = len(job.crowd.open)
	summary["perSecond"] = float64(job.crowd.room.inTime) / job.asked.Seconds
	return summary
}

const (
	prefix    = "all "
	digits    = 20
	roomBytes = 100
)

// roomMessage makes the message that all servers send on to all clients as it is. The number and the time have 20 digits each.
func roomMessage(sequence int64, sentAt int64) []byte {
	return []byte(fmt.Sprintf("%s%020d %020d %*s", prefix, sequence, sentAt, roomBytes-len(prefix)-2*digits-2, "."))
}

func parseRoom(payload []byte) (sequence int64, sentAt int64, ok bool) {
	if len(payload) != roomBytes || string(payload[:len(prefix)]) != prefix {
		return 0, 0, false
	}
	from := len(prefix)
	return number(payload[from : from+digits]), number(payload[from+digits+1 : from+2*digits+1]), true
}

func number(text []byte) int64 {
	value := int64(0)
	for _, digit := range text {
		value = 10*value + int64(digit-'0')
	}
	return value
}
